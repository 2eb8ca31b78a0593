"""Which batch service a teacher has."""

from ..clients.batch_base import BatchService
from ..clients.gemini import GeminiAdapter
from ..errors import ConfigError
from .teachers import Teacher, adapter_of, key_of


def batch_service(teacher: Teacher) -> BatchService:
    """The batch service of a teacher's account, at the first of its base URLs.

    ConfigError: it has none, or its key is not set.
    """
    if teacher.provider == "builtin" or not teacher.base_urls:
        raise ConfigError(f"teacher {teacher.name} has no batch API. Next: the same command without --batch")
    adapter = adapter_of(teacher, teacher.base_urls[0], key_of(teacher))
    if isinstance(adapter, GeminiAdapter):
        from ..clients.batch_gemini import GeminiBatches

        return GeminiBatches(adapter)
    from ..clients.batch_openai import OpenAIBatches

    return OpenAIBatches(adapter)
