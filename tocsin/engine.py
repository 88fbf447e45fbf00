"""The engine as the daemon sees it: batches in, closed ticks out, everything in arrays that a snapshot can hold.

Interface (the class below is being written; signatures are fixed):

    class Engine:
        def __init__(self, schema: Schema, parameters: Parameters) -> None
        def take(self, batch: Batch) -> None
            # into the aligner(s), moves positions; late and future samples are decided here, at their own offset
        def next_tick_ms(self) -> int | None
            # start of the next tick that could be stepped now, None if no tick is closed yet
        def turn(self, controls: Controls) -> Outcome
            # steps that tick; the caller has put every control record with tick <= next_tick_ms() into `controls`
        def set_idle(self, partitions: frozenset[str]) -> None
        positions: Mapping[str, int]               # partition → next offset, of what was taken
        fates: Mapping[str, Mapping[tuple[str, str], int]]   # partition → (result, reason or "") → samples, cumulative
        watermarks: Mapping[str, int]              # partition → ms
        def save(self) -> tuple[dict[str, object], dict[str, np.ndarray]]   # JSON header, named arrays (copied)
        @classmethod
        def load(cls, schema, parameters, header, arrays) -> Engine
        def fingerprint(self) -> str               # of schema and parameters: a snapshot of another one is not used
"""
