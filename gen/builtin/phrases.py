"""The teacher's ways of saying things. The first of each is the strict teacher's only one; the others are as true.

Slots: {a} whose things, {b} the other person, {o} the things after a number, {os} always plural, {n} the amount of the
change, {l} and {r} the operands, {eq} the equation, {x} the result, {v} a variable, {eqv} the equation that defines it.
"""

# The whole computation (levels 1 and 2): {e} is one expression or one line of equations.
WHOLE = ("{e}.", "Work out {e}.", "We need {e}.", "All in one: {e}.")

# What one step does, as a short command (level 3), by kind.
COMMAND: dict[str, tuple[str, ...]] = {
    "product": ("Multiply {l} by {r}: {eq}.", "Take {l} times {r}: {eq}.", "{l} times {r} gives {eq}."),
    "gain": ("Add {n}: {eq}.", "Plus {n}: {eq}.", "Put {n} to it: {eq}.", "With {n} more: {eq}."),
    "loss": ("Subtract {n}: {eq}.", "Minus {n}: {eq}.", "Take {n} away: {eq}.", "With {n} less: {eq}."),
    "gains": ("Add both gains: {eq}.", "Gains together: {eq}."),
    "losses": ("Add both losses: {eq}.", "Losses together: {eq}."),
    "net_gain": ("Gain minus loss: {eq}.", "What the gain leaves: {eq}."),
    "net_loss": ("Loss minus gain: {eq}.", "What the loss leaves: {eq}."),
}
COMMAND |= {"more": COMMAND["gain"], "fewer": COMMAND["loss"]}

# What one step finds and why (levels 4 to 6), by kind.
FINDING: dict[str, tuple[str, ...]] = {
    "product": (
        "{l} groups of {r} {os} make {eq} {o}.",
        "{a} has {eq} {o} in the groups.",
        "All groups together hold {eq} {o}.",
    ),
    "more": (
        "{a} has {n} more than {b}, so {a} has {eq} {o}.",
        "That is {n} above {b}: {a} has {eq} {o}.",
        "The {os} of {a} are {eq}, which is {n} more.",
    ),
    "fewer": (
        "{a} has {n} fewer than {b}, so {a} has {eq} {o}.",
        "That is {n} below {b}: {a} has {eq} {o}.",
        "The {os} of {a} are {eq}, which is {n} fewer.",
    ),
    "gain": (
        "{a} gains {n}, so {a} has {eq} {o}.",
        "After the gain of {n}, {a} has {eq} {o}.",
        "With {n} more, the {os} of {a} are {eq}.",
        "The gain of {n} brings {a} to {eq} {o}.",
    ),
    "loss": (
        "{a} loses {n}, so {a} has {eq} {o}.",
        "After the loss of {n}, {a} has {eq} {o}.",
        "With {n} less, the {os} of {a} are {eq}.",
        "The loss of {n} leaves {a} with {eq} {o}.",
    ),
    "gains": ("Both gains together are {eq} {o}.", "In all {a} gains {eq} {o} from two sides."),
    "losses": ("Both losses together are {eq} {o}.", "In all {a} loses {eq} {o} on two sides."),
    "net_gain": ("The gain less the loss is {eq} {o}.", "One loss eats up a part of the gain, {eq} {o} remain gained."),
    "net_loss": ("The loss less the gain is {eq} {o}.", "One gain makes up a part of the loss, {eq} {o} remain lost."),
}

# One fact of the problem: short (in a rephrasing), whole (level 5), with its role in the sum (level 6).
FACT_SHORT: dict[str, tuple[str, ...]] = {
    "start": ("start {n}", "first {n}"),
    "product": ("{l} groups of {r}", "{l} times {r}"),
    "gain": ("gain {n}", "{n} more"),
    "loss": ("lose {n}", "{n} less"),
}
FACT_SHORT |= {"more": FACT_SHORT["gain"], "fewer": FACT_SHORT["loss"]}
FACT: dict[str, tuple[str, ...]] = {
    "start": ("{a} starts with {n} {o}", "{a} has {n} {o} at first", "at first {a} holds {n} {o}"),
    "product": ("{a} has {l} groups of {r} {os}", "there are {l} groups of {r} {os}"),
    "more": ("{a} has {n} more than {b}", "{a} holds {n} above {b}"),
    "fewer": ("{a} has {n} fewer than {b}", "{a} holds {n} below {b}"),
    "gain": ("{a} gains {n}", "{n} come to {a}", "{a} receives {n}"),
    "loss": ("{a} loses {n}", "{n} leave {a}", "{a} parts with {n}"),
}
ROLE: dict[str, tuple[str, ...]] = {
    "start": ("so the first number is {n}", "which makes {n} the start"),
    "product": ("so {l} is multiplied by {r}", "which asks for {l} times {r}"),
    "gain": ("so {n} is added", "which adds {n}"),
    "loss": ("so {n} is subtracted", "which takes off {n}"),
}
ROLE |= {"more": ROLE["gain"], "fewer": ROLE["loss"]}

FACTS_HEAD = ("Facts:", "We know:", "Given:")
CHECK = ("Check: {check}.", "Looking back: {check}.", "Indeed {check}.")
SUMMARY = ("So {a} has {x} {o} in the end.", "In the end {a} has {x} {o}.", "That makes {x} {o} for {a}.")
ANSWER = "The answer is {x}."

# Sub-questions (least-to-most), short (levels 1 and 2) and whole.
ASK_SHORT: dict[str, tuple[str, ...]] = {
    "product": ("In the groups?", "How many in all groups?"),
    "gain": ("After gaining {n}?", "With {n} more?"),
    "loss": ("After losing {n}?", "With {n} less?"),
    "more": ("With {n} more than {b}?",),
    "fewer": ("With {n} fewer than {b}?",),
    "gains": ("Both gains?",),
    "losses": ("Both losses?",),
    "net_gain": ("Gain less loss?",),
    "net_loss": ("Loss less gain?",),
}
ASK: dict[str, tuple[str, ...]] = {
    "product": ("How many {os} are in the groups?", "How many {os} do all groups hold?"),
    "gain": ("How many {os} does {a} have after gaining {n}?", "With {n} more, how many {os} does {a} have?"),
    "loss": ("How many {os} does {a} have after losing {n}?", "With {n} less, how many {os} does {a} have?"),
    "more": ("How many {os} does {a} have, with {n} more than {b}?",),
    "fewer": ("How many {os} does {a} have, with {n} fewer than {b}?",),
    "gains": ("How many {os} are both gains together?",),
    "losses": ("How many {os} are both losses together?",),
    "net_gain": ("How many {os} of the gain does the loss leave?",),
    "net_loss": ("How many {os} of the loss does the gain leave?",),
}

REPHRASED_SHORT = ("In short: {facts}.", "That is: {facts}.")
REPHRASED = (
    "In other words: {facts}. How many {os} does {a} have?",
    "Put differently: {facts}. What number of {os} does {a} have?",
)
LET_START = ("Let {v} be the {os} of {a} at first: {v} = {n}.", "Call the first {os} {v}: {v} = {n}.")
LET: dict[str, tuple[str, ...]] = {
    "product": ("Let {v} be the {os} in the groups: {eqv}.", "Call the {os} of all groups {v}: {eqv}."),
    "gain": ("Let {v} be the {os} after the gain of {n}: {eqv}.", "Call what {n} more make {v}: {eqv}."),
    "loss": ("Let {v} be the {os} after the loss of {n}: {eqv}.", "Call what {n} less leave {v}: {eqv}."),
    "more": ("Let {v} be the {os} of {a}, {n} more than {b}: {eqv}.",),
    "fewer": ("Let {v} be the {os} of {a}, {n} fewer than {b}: {eqv}.",),
    "gains": ("Let {v} be both gains: {eqv}.", "Call the gains {v}: {eqv}."),
    "losses": ("Let {v} be both losses: {eqv}.", "Call the losses {v}: {eqv}."),
    "net_gain": ("Let {v} be the gain less the loss: {eqv}.",),
    "net_loss": ("Let {v} be the loss less the gain: {eqv}.",),
}
