"""Tasks by name; none is imported before it is asked for, and this table needs no torch."""

TASKS = {
    "korzun": "visemic.training.korzun:KorzunTask",
    "motion-sync": "visemic.training.motion_sync:MotionSyncTask",
    "phonetic": "visemic.training.phonetic:PhoneticTask",
    "autovc": "visemic.training.autovc:AutoVcTask",
    "trunk-mouth": "visemic.training.trunk_mouth:TrunkMouthTask",
}
"""Name to ``module:Class``."""
