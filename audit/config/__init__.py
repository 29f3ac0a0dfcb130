"""The job file: pydantic models of what people write, and nothing but that.

Unknown keys are refused with the nearest known one; ``${ENV}`` and
``${ENV:-default}`` are replaced in values; paths are relative to the job file.
``configs/quarterly.yaml`` documents every key.
"""

from audit.config.read import load, read_yaml, validate
from audit.config.sections import ENDPOINTS, Code, Data, JobFile, bytes_of

__all__ = ["ENDPOINTS", "Code", "Data", "JobFile", "bytes_of", "load", "read_yaml", "validate"]
