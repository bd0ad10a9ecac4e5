"""What the program must reach in the laboratory, and whether it did."""

from tests.lab.score import ALARMS, FORGED, HONEST, Board

DETECTED, NAMED = 0.999, 0.98
"""Of the forged cards with something that can be seen; and of the detected ones, those that are named rightly."""
CLOSE = "close relative that measures as a slow card of the model would"
"""A class in which nothing settles the matter; it may stay open and must not pass."""
_ALARMS = tuple(each.value for each in ALARMS)


def missed_goals(board: Board) -> list[str]:
    """Goals that were not reached, in words."""
    forged, detected = board.count(FORGED), board.count(FORGED, None, *_ALARMS)
    named = detected - sum(board.misnamed.values())
    passed = board.count(FORGED, None, "authentic")
    relatives = board.count(FORGED, CLOSE, "authentic")
    goals = {
        f"{(false := board.count(HONEST, None, *_ALARMS)):,} false alarms on honest cards": false == 0,
        f"{detected:,} of {forged:,} forged cards detected, {DETECTED:.1%} wanted": detected >= DETECTED * forged,
        f"{named:,} of {detected:,} detected cards named rightly, {NAMED:.0%} wanted": named >= NAMED * detected,
        f"{passed:,} forged cards with a visible difference called authentic": passed == 0,
        f"{relatives:,} close relatives called authentic": relatives == 0,
        f"{(errors := sum(one.error for one in board.trouble)):,} checks crashed": errors == 0,
    }
    return [words for words, reached in goals.items() if not reached]
