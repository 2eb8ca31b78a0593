"""What the store knows to be spent, from which a cap goes on (clients/budget.py)."""

from ..store.store import Store


def spent(store: Store) -> float:
    """Dollars that the store knows of, over all teachers, and what killed work had reserved (it may be billed)."""
    with store.read() as con:
        row = con.execute("SELECT coalesce(sum(usd), 0) FROM spend").fetchone()
    return float(row[0]) if row else 0.0
