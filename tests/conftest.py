"""Makes ``tests/support`` importable, and the environment the same for every test."""

import os
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# What a developer has set for other work must not reach a test.
for name in [name for name in os.environ if name.startswith(("MLFLOW_", "DVC_", "GIT_"))]:
    del os.environ[name]

# How long an example takes tells how busy the machine is, and is no failing test.
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")
