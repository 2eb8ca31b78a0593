"""Generation: prompts (level x format), teachers, and the asyncio harvest."""
