"""``accelerate launch -m xstilts_eval.training RECIPE`` and ``torchrun -m …``: `xstilts train` in every process."""

import sys

from xstilts_eval.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "train")
    main()
