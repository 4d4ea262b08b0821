"""Names that the words of a search may stand for."""

import pytest

from personalization.rank.category_names import match_names, match_paths

NAMES = ["Tea & Coffee", "Chocolate", "Food and Drink", "Käse", "", "Frozen pizza"]
HALF = 0.35


def best(query):
    """The names that the query says, the best first."""
    score = match_names(query, NAMES)
    return [NAMES[place] for place in (-score).argsort(kind="stable") if score[place] >= HALF]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("chocolate", ["Chocolate"]),
        ("choclate", ["Chocolate"]),
        ("CHOCOLATES", ["Chocolate"]),
        ("dark chocolate with nuts", ["Chocolate"]),
        ("coffe", ["Tea & Coffee"]),
        ("tea", ["Tea & Coffee"]),
        ("kase", ["Käse"]),
        ("coffee chocolate", ["Chocolate", "Tea & Coffee"]),
        ("rice and beans", []),
        ("steak", []),
        ("", []),
        ("?!", []),
    ],
)
def test_a_name_is_meant_by_its_words_also_when_they_are_misspelt(query, names):
    assert best(query) == names


def test_what_is_said_exactly_counts_one():
    assert match_names("frozen PIZZA", NAMES).tolist() == [0, 0, 0, 0, 0, 1]
    assert match_names("anything", []).tolist() == []


def test_the_words_of_a_long_query_are_read_up_to_a_point():
    assert best("x " + "word " * 40 + "chocolate") == ["Chocolate"]
    assert best(" ".join(f"w{n}ord" for n in range(12)) + " chocolate") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("kids shoes", [[False, True], [False, True], [True, True], [True, False]]),
        ("mens shoe", [[False, True], [True, True], [False, True], [False, False]]),
        ("hats", [[False], [False], [False], [False]]),
        ("", [[], [], [], []]),
    ],
)
def test_the_words_above_a_category_count(query, said):
    paths = [("Women", "Shoes"), ("Men", "Shoes"), ("Kids", "Shoes"), ("Kids",)]
    assert match_paths(query, paths).tolist() == said


def test_no_paths_say_nothing():
    assert match_paths("shoes", []).shape == (0, 1)
