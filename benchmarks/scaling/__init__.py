"""A night at scale: the real planner, account and ledger, with the workers replaced by the seconds they take."""
