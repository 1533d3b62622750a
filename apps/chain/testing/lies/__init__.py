"""The lies a `LyingNode` tells: all of them well-formed, each a class, any number at once.

```
short = Short(drop=0.3, seed=1)
with LyingNode(url) as node, node.lying(short, Slow(0.2, times=1)):
    ...
assert short.told
```
"""

from apps.chain.testing.lies.base import Altered, Answer, Answers, Lie, Question, asking
from apps.chain.testing.lies.blocks import ForgedBloom, ForgedFinal, OldHead, StaleBlock, WrongChain, WrongFork
from apps.chain.testing.lies.logs import Duplicated, Empty, Reordered, Short
from apps.chain.testing.lies.refusals import BatchRefused, Null, Pruned, RangeLimit, Refused, Without
from apps.chain.testing.lies.transport import HangUp, Slow, Status
from apps.chain.testing.lies.wordings import WORDINGS

__all__ = [
    "WORDINGS",
    "Altered",
    "Answer",
    "Answers",
    "BatchRefused",
    "Duplicated",
    "Empty",
    "ForgedBloom",
    "ForgedFinal",
    "HangUp",
    "Lie",
    "Null",
    "OldHead",
    "Pruned",
    "Question",
    "RangeLimit",
    "Refused",
    "Reordered",
    "Short",
    "Slow",
    "StaleBlock",
    "Status",
    "Without",
    "WrongChain",
    "WrongFork",
    "asking",
]
