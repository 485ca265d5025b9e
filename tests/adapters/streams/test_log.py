"""Each line that is logged of a stream says whose it is: it is ticked for, and read, on behalf of nobody."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.adapters.streams.customers import a_customer
from tests.adapters.streams.house import a_house


async def test_a_line_of_a_stream_names_it_and_its_call_and_account() -> None:
    with pytest.raises(RuntimeError) as caught:
        raise RuntimeError
    async with a_customer() as customer, a_house() as house:
        with capture_logs() as lines:
            stream, call = house.listen(customer.url())
            await call.connected()
            stream.break_down(caught.value)
    facts = stream._facts
    assert [line["event"] for line in lines] == ["socket.connected", "socket.broken", "socket.ended"]
    whose = {(line["stream"], line["call"], line["account"]) for line in lines}
    assert whose == {(facts.stream_id, facts.call_id, facts.account)}
