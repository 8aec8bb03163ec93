"""Every command of `xstilts`, one module each: options, one call, what is printed. Heavy imports stay inside."""
