"""Runs the command line inside the test's process."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from visemic.cli.main import main


@dataclass
class Run:
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Give a function that runs ``visemic`` with some words in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Run:
        monkeypatch.setattr(sys, "argv", ["visemic", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        said = capsys.readouterr()
        return Run(code or 0, said.out, said.err)

    return call


@pytest.fixture
def buzz(tmp_path):
    """Write a second of a vowel-like buzz with a pause: sound that is no word but not silent."""
    rate = 16_000
    time_s = np.arange(rate) / rate
    samples = sum(np.sin(2 * np.pi * 120 * k * time_s) / k for k in range(1, 20))
    samples *= (np.sin(2 * np.pi * 3 * time_s) > -0.3) * 0.1
    path = tmp_path / "buzz.wav"
    soundfile.write(path, samples, rate)
    return path
