"""What the laboratory says of the weights: ``make lab-fit``. It proposes; a person commits.

For each check: how much likelier a failure is on a forged card than on an honest one, and a pass on an honest card
than on a forged one (``likelihoods``). Where no honest card failed, the estimate is a bound: the laboratory's honest
cards are models, and models do not know what they leave out. There the weight stays an expert's.
"""

import os

from gpucheck.verdict.weights import WEIGHTS
from tests.lab.likelihoods import basis, estimate
from tests.lab.run import SEED, judge_all

_CARDS = 4800


def main() -> None:
    """Print the table."""
    board = judge_all(SEED, _CARDS, _CARDS, os.cpu_count() or 1)
    print(f"{'check':22} {'fails':>6} {'lab':>6} {'passes':>7} {'lab':>5}  what a failure's weight rests on")
    for weight in WEIGHTS:
        found = estimate(weight.check, board)
        told = f"{weight.on_fail:>6} {found.on_fail:>6.0f} {weight.on_pass:>7} {found.on_pass:>5.1f}"
        print(f"{weight.check:22} {told}  {basis(weight.check, board)}")


if __name__ == "__main__":
    main()
