from pathlib import Path

from visemic.core.cache import cache_folder


def test_a_named_folder_comes_first_then_the_users_cache_then_home(monkeypatch):
    monkeypatch.setenv("VISEMIC_CACHE", "/somewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.delenv("VISEMIC_CACHE")
    assert cache_folder() == Path("/xdg/visemic")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/mia")
    assert cache_folder() == Path("/home/mia/.cache/visemic")


def test_heads_and_compiled_loops_share_one_folder(monkeypatch, tmp_path):
    from visemic.render.jit import kernel_cache_folder

    monkeypatch.delenv("VISEMIC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path / "visemic" / "numba" in kernel_cache_folder().parents
