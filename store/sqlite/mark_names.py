"""The names of the settled file's marks: how far settling has come.

`store_id` says of which store it is. Of the rows of `handovers`, those up to `settled` are settled; of those
up to `counted` the sessions are, and what they tell of moved clocks and pruning is done. Spans of before the
first row are read from their table up to `backlog_upto`: traces so far to `backlog`, browsers to
`events_backlog`.
"""

from __future__ import annotations

from typing import Final

STORE: Final = "store_id"
SETTLED: Final = "settled"
COUNTED: Final = "counted"
BACKLOG: Final = "backlog"
EVENTS_BACKLOG: Final = "events_backlog"
BACKLOG_UPTO: Final = "backlog_upto"
EVENTS_UPTO: Final = "events_upto"
"""The highest number of a browser's span that was counted."""
SPAN_IDS: Final = "span_ids"
"""Up to which number ids of spans are filed in `span_id_blocks`."""
PRUNED_BEFORE: Final = "pruned_before"
ROUND: Final = "round"
"""When settling last came on, Unix ns."""
