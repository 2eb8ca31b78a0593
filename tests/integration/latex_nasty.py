"""LaTeX that nobody should have to compare: nested, huge, unbalanced, binary, hostile. Shared by two tests."""

HANGING = [  # the worker takes a second or is killed for these
    "9^{9^{9^{9}}}",
    "10^{10^{10}}",
    "2^{2^{2^{2^{2^{2}}}}}",
    "(10^{9})!",
    "\\sum_{n=1}^{10^{12}} n!",
    "x^{" * 200 + "2" + "}" * 200,
    "(" * 400 + "1" + ")" * 400,
    "\\frac{1}{" * 60 + "2" + "}" * 60,
    "9" * 900,
    "a" * 900,
]
DEEP = [
    "\\sqrt{" * 150 + "x" + "}" * 150,
    "{" * 450 + "}" * 450,
    "\\left(" * 100 + "1" + "\\right)" * 100,
]
UNBALANCED = [
    "\\frac{1}{2",
    "}}}{{{",
    "\\left(1",
    "\\right)",
    "\\begin{pmatrix} 1",
    "\\end{pmatrix}",
    "\\frac",
    "\\sqrt[",
    "$",
]
BYTES = [
    "\x00",
    "\x1b[31m5",
    "5\x00",
    "\ud800",
    "\u202e5\u202c",
    "𝟓",
    "\ufeff5",
    "\r\r\r",
    "\x7f\x80\x9f",
    "½",
    "٣",
    "∞",
    "\\",
]
COMMANDS = [
    "\\input{/etc/passwd}",
    "\\write18{touch hostile}",
    "\\def\\x{\\x\\x}\\x",
    "\\newcommand{\\a}{\\a}\\a",
    "\\catcode`\\@=11",
    "__import__('os').system('touch hostile')",
    "\\text{__import__('os').system('touch hostile')}",
    "exec(open('/etc/passwd').read())",
    "\\loop\\repeat",
]
MEANINGLESS = [
    "NaN", "\\infty - \\infty", "\\frac{1}{0}", "\\frac{0}{0}", "0^{0}", "\\log(0)", "\\tan(90^\\circ)", "\\int",
    "\\lim",
    "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{pmatrix} 1 & 2 \\\\ 3 \\end{pmatrix}",
    "(-\\infty, 3] \\cup [5, \\infty)", "[1, 2", "\\{1, 2, \\{3\\}\\}", "\\emptyset", "\\mathbb{R} \\setminus \\{0\\}",
    "x = y = z = 1", "1 < x < ", "5\\%\\%\\%", "\\pm\\pm 1", "1..2", "1,,,2", "--5", "+-+-5", "==",
]  # fmt: skip
NASTY = [*DEEP, *UNBALANCED, *BYTES, *COMMANDS, *MEANINGLESS]
MEGABYTES = ["\\frac{1}{" * 120_000, "x" * 1_000_000, "\\boxed{" * 150_000, "$" * 1_000_000, "1+" * 500_000]
