"""What English words say of a mood: a short list of our own, and what turns it round."""

import re

_WORDS: dict[str, str] = {
    "happy": """happy glad great wonderful love loved lovely delighted joy joyful fun funny fantastic amazing
        excellent brilliant perfect beautiful thanks thank congratulations celebrate won win winning hooray
        enjoy enjoyed excited nice good best laugh laughing smile pleased yay birthday""",
    "sad": """sad sorry unhappy miss missed lonely alone lost losing died dead death cry crying tears grief
        mourn hopeless hurt hurts pain painful goodbye farewell regret unfortunately tired broken heartbroken
        disappointed never failed funeral sorrow""",
    "surprised": """wow surprise surprised surprising suddenly unbelievable incredible unexpected what really
        astonishing astonished whoa gosh imagine""",
    "fear": """afraid fear scared scary terrified terrifying frightened danger dangerous worried worry nervous
        anxious panic help threat monster horror run hide careful trembling""",
    "disgusted": """disgusting disgust gross nasty filthy rotten stink stinks vomit sick revolting yuck ugh
        slimy foul dirty mould mouldy""",
    "angry": """angry anger furious hate hated rage mad damn stupid idiot outrageous unacceptable enough
        shut liar lied betrayed kill fight annoying annoyed ridiculous nonsense stop""",
    "contempt": """pathetic worthless whatever inferior loser beneath pitiful laughable contempt amateur
        typical supposedly ridiculously""",
}
_EMOTION_OF = {word: emotion for emotion, words in _WORDS.items() for word in words.split()}
_WEAK = {"what": 0.3, "really": 0.3, "good": 0.6, "nice": 0.6, "never": 0.3, "stop": 0.5, "run": 0.5,
         "enough": 0.6, "help": 0.6, "tired": 0.5, "sick": 0.5, "won": 0.8, "win": 0.8, "best": 0.8,
         "whatever": 0.7, "typical": 0.6, "alone": 0.7, "lost": 0.7}  # fmt: skip
"""Words that say less than one."""
_STRONGER = {"very", "so", "extremely", "absolutely", "totally", "terribly", "too"}
_TURNED = {"not", "no", "never", "don't", "doesn't", "didn't", "isn't", "wasn't", "aren't", "can't", "won't",
           "without", "hardly"}  # fmt: skip
_OPPOSITE = {"happy": "sad", "sad": "neutral", "angry": "neutral", "fear": "neutral", "disgusted": "neutral"}
_REACH = 3
"""Words over which a negation reaches."""


def sentiment(text: str) -> tuple[str, float]:
    """Give the emotion that words speak of and how strongly, 0 nothing to about 2.

    Source:
        None: a list written for this package. It knows English only, and no irony.

    Example:
        >>> sentiment("I am so happy!")
        ('happy', 1.8)
        >>> sentiment("The table has four legs.")
        ('neutral', 0.0)
    """
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", text.lower().replace("’", "'"))
    scores: dict[str, float] = {}
    for place, word in enumerate(words):
        emotion = _EMOTION_OF.get(word)
        if emotion is None:
            continue
        before = words[max(0, place - _REACH) : place]
        weight = _WEAK.get(word, 1.0)
        if _STRONGER & set(before):
            weight *= 1.5
        if _TURNED & set(before):
            emotion, weight = _OPPOSITE.get(emotion, "neutral"), 0.6 * weight
        scores[emotion] = scores.get(emotion, 0.0) + weight
    scores.pop("neutral", None)
    if not scores:
        return "neutral", 0.0
    # The first emotion of equal ones that the text speaks of.
    best = max(scores, key=lambda emotion: scores[emotion])
    shouted = 1.2 if "!" in text else 1.0
    weight = min(2.0, scores[best] * shouted)
    return (best, round(weight, 3)) if weight >= 0.5 else ("neutral", 0.0)
