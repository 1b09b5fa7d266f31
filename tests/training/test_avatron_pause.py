"""A sentence that ends as hardly any did in training ends as most did."""

import torch
from avatron_corpora import write_speech
from test_avatron import voice_recipe

from visemic.models.avatron_text import SYMBOLS
from visemic.training.avatron import AvatronVoiceTask

torch.set_num_threads(1)


def test_rare_ends_of_sentences_take_the_state_of_the_commonest(tmp_path):
    task = AvatronVoiceTask(voice_recipe(), {"speech": write_speech(tmp_path / "speech")})
    task.n_examples()
    voice = task.network().voice
    before = voice.embedding.weight.detach().clone()
    assert task._lend_pauses(voice) == {"?": ".", "!": "."}
    after = voice.embedding.weight.detach()
    full, question = SYMBOLS.index("."), SYMBOLS.index("?")
    assert torch.equal(after[question], before[full])
    unchanged = [place for place, symbol in enumerate(SYMBOLS) if symbol not in ("?", "!")]
    assert torch.equal(after[unchanged], before[unchanged])


def test_ends_that_were_met_as_often_keep_their_own(tmp_path):
    task = AvatronVoiceTask(voice_recipe(), {"speech": write_speech(tmp_path / "speech")})
    task.n_examples()
    for clip, mark in zip(task._train, ("?", "!", ".", "."), strict=False):
        clip.symbols[-1] = SYMBOLS.index(mark)
    task._train = [*task._train[:3]]
    voice = task.network().voice
    before = voice.embedding.weight.detach().clone()
    assert task._lend_pauses(voice) == {}
    assert torch.equal(voice.embedding.weight, before)
