"""Scripts become sound in the trunk's law, piece by piece, from clips that are made once.

It keeps no order of characters anywhere: a code exists here only while ``prepare`` runs. Where the voice that was asked
for can't speak, the next one does, and where no voice has the words around a code, the code is spoken without them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final, assert_never

from otpvoice.adapters.speech.asking import Asking
from otpvoice.adapters.speech.brands import Brands
from otpvoice.adapters.speech.climbing import PATIENCE, Climbing, Part, Said, in_no_order, together
from otpvoice.adapters.speech.clips.files import ClipFiles
from otpvoice.adapters.speech.counts import Counts, Uncounted
from otpvoice.adapters.speech.discretion import Discretion
from otpvoice.adapters.speech.engines.voice import Voice
from otpvoice.adapters.speech.finishing import Finishing
from otpvoice.adapters.speech.ladder import Ladder, Rung
from otpvoice.adapters.speech.left_alone import Heard, LeftAlone
from otpvoice.adapters.speech.orders import Keeping, Order, in_steps
from otpvoice.adapters.speech.recordings.downloads import Downloads
from otpvoice.adapters.speech.recordings.prompts import Prompts
from otpvoice.adapters.speech.recordings.unspoken import Unspoken, UnspokenSounds
from otpvoice.adapters.speech.supply import ROOM, Supply
from otpvoice.core.locale import Locales
from otpvoice.core.speech import (
    CodeCharacter,
    Prepared,
    Recording,
    RemoteRecording,
    Script,
    Silence,
    Spoken,
    Tone,
    Words,
)
from otpvoice.media.clip import EMPTY, MASTER_RATE, Clip
from otpvoice.media.g711 import SAMPLE_RATE, SILENCE, Law


class Renderer:
    """Renders scripts for one law.

    ``default_voice`` is ``engine`` or ``engine:voice``, and so are ``fallbacks``, which are asked in order when it
    fails; raises ``ValueError`` (see ``Ladder``). ``prompts`` None: there is no folder of recordings, and every one is
    missing. ``downloads`` None: none is fetched. ``files`` None: what is made is kept in memory only. ``brands``: those
    that may be kept whatever they look like.
    """

    def __init__(
        self,
        voices: Iterable[Voice],
        locales: Locales,
        law: Law,
        default_voice: str = "espeak",
        room: int = ROOM,
        *,
        finishing: Finishing,
        fallbacks: Sequence[str] = ("espeak",),
        files: ClipFiles | None = None,
        prompts: Prompts | None = None,
        downloads: Downloads | None = None,
        brands: Collection[str] = (),
        counts: Counts | None = None,
        patience: float = PATIENCE,
    ) -> None:
        by_name = {voice.name: voice for voice in voices}
        self._law = law
        self._left_alone = LeftAlone(by_name)
        self._counts = Heard(counts or Uncounted(), self._left_alone)
        self.ladder: Final = Ladder(by_name, locales, default_voice, fallbacks)
        self.supply: Final = Supply(Asking(by_name, finishing, self._counts), law, files, self._counts, room)
        sentences = Brands(locales)
        self._discretion = Discretion(locales, sentences, brands)
        self._climbing = Climbing(self.ladder, sentences, self.order, self._left_alone, patience)
        self._unspoken = UnspokenSounds(law, prompts, downloads)

    @property
    def left_alone(self) -> Mapping[str, bool]:
        """Is an engine passed over, because it hung? For each engine."""
        return self._left_alone.open

    def check(self, language: str, voice: str | None) -> None:
        """Raise ``ValueError`` for a voice that there is not, or a language that it (None: that none) speaks."""
        self.ladder.check(language, voice)

    def silence(self, seconds: float) -> bytes:
        """Return silence in the law, exact to the sample."""
        return _silence(self._law, round(seconds * SAMPLE_RATE))

    async def prepare(self, script: Script) -> Prepared:
        """Return the sound of each item in the law, in order; equal items share their bytes.

        Silence and tones are exact to the sample. Words without anything to say are empty, characters never are. Words
        around a code that no voice has are left out. Raises ``SpeechUnavailable``.
        """
        (prepared,) = await self.prepare_all((script,))
        return prepared

    async def prepare_all(self, scripts: Sequence[Script]) -> tuple[Prepared, ...]:
        """Return the sound of scripts of one call, in order: a code that is in many of them is read by one voice.

        Raises ``SpeechUnavailable`` where one of them can't be made, and as ``prepare``.
        """
        items = [item for script in scripts for item in script]
        self._discretion.want(item for item in items if isinstance(item, Words))
        said = {part: self._at_hand(part) for part in self._climbing.parts(scripts)}
        # First what costs no engine: where a recording is missing, nothing is rendered in vain.
        unspoken = {item for item in items if isinstance(item, Recording | RemoteRecording | Tone)}
        others = await together({item: self._unspoken.of(item) for item in unspoken}) if unspoken else {}
        if absent := [part for part, sounds in said.items() if sounds is None]:
            said |= await self._climbing.said(absent, self.supply.get)
        spoken = {part: sounds for part, sounds in said.items() if sounds is not None}
        by_place = {place: sound for one in spoken.values() for place, sound in one.sounds.items()}
        sounds = [self._sound(item, by_place.get(place, b""), others) for place, item in enumerate(items)]
        begins = accumulate(map(len, scripts), initial=0)
        return tuple(
            self._prepared(range(begin, begin + len(script)), sounds, spoken)
            for begin, script in zip(begins, scripts, strict=False)
        )

    async def clips(self, script: Script) -> tuple[Clip, ...]:
        """Return each item as it is before it is encoded, for a file: words, characters and silence.

        Raises ``ValueError`` for other items, and as ``prepare``.
        """
        said = await self._climbing.said(list(self._climbing.parts((script,))), self.supply.clip)
        by_place = {place: clip for one in said.values() for place, clip in one.sounds.items()}
        return tuple(_clip(item, by_place.get(place, EMPTY)) for place, item in enumerate(script))

    def order(self, item: Words | CodeCharacter, rung: Rung) -> Order:
        """Return what an item comes down to on a rung of the ladder."""
        speed = in_steps(item.speed)
        if isinstance(item, CodeCharacter):
            text = item.character
            if rung.locale is not None:
                text = rung.locale.spelled(text) if item.spelled else rung.locale.word(text)
            return Order(rung.engine, rung.voice, rung.language, speed, text, Keeping.DISK, character=True)
        return Order(rung.engine, rung.voice, rung.language, speed, item.text, self._discretion.keeping(item))

    async def close(self) -> None:
        """Stop what is being rendered."""
        await self.supply.close()

    # --- inside -------------------------------------------------------------------------------------------------------

    def _prepared(self, places: range, sounds: Sequence[bytes], spoken: Mapping[Part, Said[bytes]]) -> Prepared:
        """Return the script that has these places."""
        own = [said for part, said in spoken.items() if any(place in places for place in part.items)]
        # Characters come first among the parts: who reads the code counts.
        stood_in = [(said.stands_in, said.as_set) for said in own if said.stands_in is not None]
        if (counted := next((rung.engine for rung, as_set in stood_in if not as_set), None)) is not None:
            self._counts.stood_in(counted)
        fallback = stood_in[0][0].stands_in if stood_in else None
        left_out = frozenset(said.left_out for said in own if said.left_out is not None)
        return Prepared(tuple(sounds[places.start : places.stop]), fallback, left_out)

    def _at_hand(self, part: Part) -> Said[bytes] | None:
        """Return what the first candidate says, if all of it is in memory."""
        if not part.rungs:
            return None
        orders = self._climbing.orders(part, part.rungs[0])
        kept: dict[Order, bytes] = {}
        for order in in_no_order(orders.values()):
            if (sound := self.supply.at_hand(order)) is None:
                return None
            kept[order] = sound
        self._counts.had("memory", len(kept))
        return Said.by(part.rungs[0], {place: kept[order] for place, order in orders.items()})

    def _sound(self, item: Spoken, said: bytes, others: Mapping[Unspoken, bytes]) -> bytes:
        match item:
            case Silence():
                return self.silence(item.seconds)
            case Recording() | RemoteRecording() | Tone():
                return others[item]
            case Words() | CodeCharacter():
                return said
            case _:
                assert_never(item)


def _clip(item: Spoken, said: Clip) -> Clip:
    match item:
        case Silence(seconds=seconds):
            return Clip(bytes(2 * round(seconds * MASTER_RATE)), bytes(2 * round(seconds * SAMPLE_RATE)))
        case Words() | CodeCharacter():
            return said
        case Recording() | RemoteRecording() | Tone():
            raise ValueError("a recording is no clip")
        case _:
            assert_never(item)


def _silence(law: Law, samples: int) -> bytes:
    # The gaps of a code are the same few in every call; long pauses are not worth keeping.
    return _short_silence(law, samples) if samples <= 2 * SAMPLE_RATE else SILENCE[law] * samples


@lru_cache(maxsize=64)
def _short_silence(law: Law, samples: int) -> bytes:
    return SILENCE[law] * samples
