"""`python -m tools.bench`, which is what `make bench` runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from bench import main

sys.exit(main())
