"""The log in a database does what the plain functions do, whatever is done to it."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import create_engine

from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.ledger.log import MerkleLog, metadata

RECORDS = st.binary(min_size=0, max_size=40)


class LogMachine(RuleBasedStateMachine):
    """Two logs in one database against two lists of leaf hashes."""

    def __init__(self):
        super().__init__()
        self.engine = create_engine("sqlite://")
        metadata.create_all(self.engine)
        self.connection = self.engine.connect()
        self.models = {"a": [], "b": []}

    def teardown(self):
        self.connection.close()
        self.engine.dispose()

    def log(self, name):
        return MerkleLog(self.connection, name)

    @rule(name=st.sampled_from("ab"), records=st.lists(RECORDS, max_size=20))
    def extend(self, name, records):
        assert self.log(name).extend(records) == len(self.models[name])
        self.models[name] += map(merkle.leaf_hash, records)
        self.connection.commit()

    @rule(name=st.sampled_from("ab"), record=RECORDS)
    def append(self, name, record):
        assert self.log(name).append(record) == len(self.models[name])
        self.models[name].append(merkle.leaf_hash(record))
        self.connection.commit()

    @rule(name=st.sampled_from("ab"), records=st.lists(RECORDS, max_size=5))
    def think_better_of_it(self, name, records):
        self.log(name).extend(records)
        self.connection.rollback()

    @precondition(lambda self: self.models["a"])
    @rule(data=st.data())
    def prove(self, data):
        log, model = self.log("a"), self.models["a"]
        new = data.draw(st.integers(1, len(model)))
        old = data.draw(st.integers(1, new))
        index = data.draw(st.integers(0, new - 1))
        assert log.inclusion_proof(index, new) == merkle.inclusion_proof(model[:new], index)
        assert log.consistency_proof(old, new) == merkle.consistency_proof(model[:new], old)
        assert log.root(old) == merkle.root(model[:old])

    @invariant()
    def same(self):
        for name, model in self.models.items():
            assert self.log(name).size == len(model)
            assert self.log(name).root() == merkle.root(model)


TestLog = LogMachine.TestCase
TestLog.settings = settings(max_examples=30, stateful_step_count=20)


@pytest.fixture
def log():
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        found = MerkleLog(connection, "runs")
        found.extend([b"a", b"b", b"c"])
        yield found
    engine.dispose()


def test_what_the_log_does_not_hold_is_refused(log):
    with pytest.raises(LedgerError, match="the log has 3 records, not 4"):
        log.root(4)
    with pytest.raises(LedgerError, match="record 3 is not among the first 3"):
        log.inclusion_proof(3)
    with pytest.raises(LedgerError, match="record 1 is not among the first 1"):
        log.inclusion_proof(1, 1)
    with pytest.raises(LedgerError, match="a log of 3 records extends none of 0"):
        log.consistency_proof(0)
