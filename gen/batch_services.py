"""Which batch service a teacher has."""

import os

from ..clients.batch_base import BatchService
from ..clients.openai_chat import ChatAdapter
from ..errors import ConfigError
from .teachers import Teacher


def batch_service(teacher: Teacher) -> BatchService:
    """The batch service of a teacher's account. ConfigError: it has none, or its key is not set."""
    if teacher.provider == "builtin" or not teacher.base_url:
        raise ConfigError(f"teacher {teacher.name} has no batch API. Next: the same command without --batch")
    key = os.environ.get(teacher.key_env or "", "").strip()
    if not key:
        raise ConfigError(
            f"batches of teacher {teacher.name} need a key in the environment variable {teacher.key_env}, which is not "
            f"set. Next: export {teacher.key_env}=..."
        )
    from ..clients.batch_openai import OpenAIBatches

    return OpenAIBatches(ChatAdapter(teacher.base_url, key, teacher.model, official=teacher.provider == "openai"), key)
