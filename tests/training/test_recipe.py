"""A recipe says everything, once, and nothing that is not read."""

import pytest

from visemic.core.errors import FormatError, InputError
from visemic.training.recipe import Recipe, read_recipe, recipe_from_dict

BASE = """
task = "korzun"
seed = 7
[model]
width = 256
kernels = [3, 5, 7]
[model.head]
depth = 2
[optimiser]
name = "adamw"
betas = [0.5, 0.9]
[schedule]
max_steps = 10
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "base.toml").write_text(BASE)
    return tmp_path


def test_an_ablation_is_three_lines(folder):
    (folder / "narrow.toml").write_text('extends = "base.toml"\n[model]\nwidth = 128\n')
    recipe = read_recipe(folder / "narrow.toml")
    assert recipe.name == "narrow"
    assert recipe.model == {"width": 128, "kernels": [3, 5, 7], "head": {"depth": 2}}
    assert (recipe.seed, recipe.optimiser.betas, recipe.schedule.max_steps) == (7, (0.5, 0.9), 10)


def test_tables_merge_at_every_depth_and_lists_are_replaced(folder):
    (folder / "sub").mkdir()
    (folder / "sub" / "a.toml").write_text(
        'extends = "../base.toml"\n[model]\nkernels = [1]\n[model.head]\nwidth = 5\n'
    )
    (folder / "b.toml").write_text('extends = "sub/a.toml"\nname = "best"\n')
    recipe = read_recipe(folder / "b.toml")
    assert recipe.name == "best"
    assert recipe.model == {"width": 256, "kernels": [1], "head": {"depth": 2, "width": 5}}


def test_a_recipe_of_its_tables_is_the_same_recipe(folder):
    recipe = read_recipe(folder / "base.toml")
    assert recipe_from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('task = "korzun"\nsede = 1', r"unknown key sede; did you mean seed\?"),
        (
            'task = "korzun"\n[optimiser]\nlerning_rate = 1',
            r"unknown key optimiser.lerning_rate; did you mean optimiser.learning_rate\?",
        ),
        (
            'task = "korzun"\n[schedule]\nmax_steps = "many"',
            "schedule.max_steps is 'many'; give a whole number",
        ),
        ('task = "korzun"\n[schedule]\nmax_steps = 0', "schedule.max_steps is 0; give at least 1"),
        (
            'task = "korzun"\n[optimiser]\nname = "sgd"',
            "optimiser.name is 'sgd'; give one of 'adam', 'adamw'",
        ),
        ('task = "korzun"\n[optimiser]\nlearning_rate = nan', "learning_rate is nan; give a number above 0"),
        ('task = "korzun"\nseed = -1', "seed is -1"),
        ("seed = 1", "key task is missing"),
        ("task = ", "is no TOML"),
        ('task = "a"\nextends = 3', "give the name of one recipe"),
        ('task = "a"\nextends = "gone.toml"', "'gone.toml', which .*extends, cannot be read|gone.toml"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_key(tmp_path, text, sentence):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(FormatError, match=sentence):
        read_recipe(tmp_path / "r.toml")


def test_an_unknown_key_of_the_extending_file_is_refused(folder):
    (folder / "a.toml").write_text('extends = "base.toml"\nmodle = 3\n')
    with pytest.raises(FormatError, match=r"unknown key modle; did you mean model\?"):
        read_recipe(folder / "a.toml")


@pytest.mark.parametrize("names", [["a"], ["a", "b"], ["a", "b", "c"]])
def test_recipes_that_extend_each_other_in_a_circle_are_refused(tmp_path, names):
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{following}.toml"\n')
    with pytest.raises(FormatError, match=r"in a circle: a\.toml → "):
        read_recipe(tmp_path / "a.toml")


@pytest.mark.parametrize(
    "schedule",
    [{"average": 1.0}, {"patience": -1}, {"batch_size": 0}, {"workers": -1}, {"max_minutes": -1.0}],
)
def test_a_schedule_out_of_range_is_refused(schedule):
    with pytest.raises(InputError, match=f"schedule.{next(iter(schedule))} is"):
        recipe_from_dict({"name": "a", "task": "b", "schedule": schedule})


def test_the_defaults_are_a_whole_recipe():
    assert Recipe("a", "b").to_dict()["schedule"]["max_steps"] == 1000
