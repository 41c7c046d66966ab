"""An isolate of the test kit: that of the dev server, with events that tell tests more."""

from __future__ import annotations

from paddock.worker.isolate.__main__ import main
from paddock.worker.testing.inside.events import TestedEvents

if __name__ == "__main__":
    main(TestedEvents)
