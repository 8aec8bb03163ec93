"""``python -m xstilts_eval``: the command `xstilts`, also in every process of ``torchrun -m xstilts_eval``."""

from xstilts_eval.cli import main

if __name__ == "__main__":
    main()
