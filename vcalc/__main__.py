"""The program: `vcalc`, and `python -m vcalc`."""

try:
    import signal

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has begun: Ctrl-C ends it, and there is nothing to say
except KeyboardInterrupt:
    raise SystemExit(130) from None

from vcalc.cli import main

if __name__ == "__main__":
    main(prog_name="vcalc")
