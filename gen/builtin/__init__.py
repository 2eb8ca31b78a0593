"""The built-in teacher: solves `arith` questions and speaks the OpenAI protocol over loopback."""
