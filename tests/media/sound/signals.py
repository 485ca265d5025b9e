"""Sounds that are known, and what can be seen of a sound; reckoned apart from ``media.sound``."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from otpvoice.media.clip import Clip

Signal: TypeAlias = NDArray[np.float64]

PEAK: Final = 32768 * 10 ** (-3 / 20)


def pcm_of(signal: NDArray[np.floating] | list[int]) -> bytes:
    """Return numbers up to 32767 as 16-bit little-endian PCM."""
    return bytes(np.clip(np.rint(np.asarray(signal)), -32768, 32767).astype("<i2").data)


def signal_of(pcm: bytes) -> Signal:
    """Return 16-bit little-endian PCM as numbers up to 32767."""
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def tone(hertz: float, rate: int, seconds: float, amplitude: float = 8000.0) -> Signal:
    """Return a sine that begins at 0."""
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def silence(rate: int, seconds: float) -> Signal:
    """Return nothing, so long."""
    return np.zeros(round(rate * seconds))


def vowel(hertz: float, rate: int, seconds: float, amplitude: float = 8000.0) -> Signal:
    """Return a voice: pulses, which throat and mouth (three resonances) let ring."""
    time = np.arange(round(rate * seconds)) / rate
    pulses = np.diff(np.floor(time * hertz), prepend=-1.0)
    mouth = np.arange(round(rate * 0.03)) / rate
    rings = np.zeros(len(mouth))
    for formant, width, strength in ((700, 90, 1.0), (1200, 110, 0.6), (2600, 160, 0.3)):
        rings += strength * np.exp(-mouth * width * np.pi) * np.sin(2 * np.pi * formant * mouth)
    voice: Signal = np.convolve(pulses, rings)[: len(time)]
    voice *= amplitude / np.abs(voice).max()
    return voice


def hiss(rate: int, seconds: float, rms: float = 1000.0, seed: int = 7) -> Signal:
    """Return white noise, the same each time."""
    return np.random.default_rng(seed).standard_normal(round(rate * seconds)) * rms


def decibels(signal: Signal) -> float:
    """Return the RMS in dB below full scale."""
    return float(10 * np.log10(max(np.mean(signal**2, dtype=np.float64), 1e-9) / 32768**2))


def pitch(signal: Signal, rate: int, lowest: float = 70.0, highest: float = 400.0) -> float:
    """Return the Hz at which a sound is most like itself: by autocorrelation, between two samples, too."""
    spectrum = np.abs(np.fft.rfft(signal - signal.mean(), 2 * len(signal))) ** 2
    alike = np.fft.irfft(spectrum)[: len(signal)] / np.arange(len(signal), 0, -1)
    first, last = int(rate / highest), int(rate / lowest)
    best = first + int(np.argmax(alike[first:last]))
    before, here, after = alike[best - 1 : best + 2]
    return float(rate / (best + 0.5 * (before - after) / (before - 2 * here + after)))


def strongest(signal: Signal, rate: int) -> tuple[float, float]:
    """Return the frequency that is loudest, and its amplitude."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    at = int(np.argmax(spectrum))
    return at * rate / len(signal), float(spectrum[at] * 4 / len(signal))


def audible(signal: Signal) -> tuple[int, int]:
    """Return the first and the last sample that is less than 54 dB below the loudest."""
    found = np.flatnonzero(np.abs(signal) > np.abs(signal).max() / 500)
    return int(found[0]), int(found[-1])


def steepest(signal: Signal) -> float:
    """Return the largest step from a sample to the next."""
    return float(np.abs(np.diff(signal)).max(initial=0.0))


def both(clip: Clip) -> tuple[Signal, Signal]:
    """Return master and telephone."""
    return signal_of(clip.master), signal_of(clip.telephone)
