"""Models by name."""

import pytest

from visemic.core.errors import ArtifactError
from visemic.models.registry import DEFAULT_MODEL, load_model, model_infos
from visemic.models.viseme_rules import VisemeRules


def test_the_default_model_is_listed_and_loads(readouts):
    assert model_infos()[0].name == DEFAULT_MODEL
    assert model_infos()[0].licence == "Apache-2.0"
    assert isinstance(load_model(DEFAULT_MODEL, readouts), VisemeRules)


def test_an_unknown_model_is_refused_with_the_nearest_name(readouts):
    with pytest.raises(ArtifactError, match="did you mean 'viseme-rules'"):
        load_model("viseme_rule", readouts)
