"""Makes ``tests/support`` importable, and the environment the same for every test."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# What a developer has set for other work must not reach a test.
for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_", "GIT_"))]:
    del os.environ[name]
