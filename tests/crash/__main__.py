"""`python -m tests.crash N [--seed S] [--hard]`: what `./scripts/test --crash` starts."""

import argparse
import sys

from tests.crash.rounds import play_rounds

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="tests.crash")
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--hard", action="store_true")
    wanted = parser.parse_args()
    sys.exit(play_rounds(wanted.count, wanted.seed, is_hard=wanted.hard))
