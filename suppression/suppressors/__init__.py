"""Suppressors by kind, in the order in which their reasons lead. A new one is a file here and a line in this table."""

SUPPRESSORS = {
    "mute": "suppression.suppressors.mute:Mute",
    "silence": "suppression.suppressors.silence:SilenceRule",
    "calendar": "suppression.suppressors.calendar:CalendarRule",
    "part_of": "suppression.suppressors.part_of:PartOf",
    "low_impact": "suppression.suppressors.low_impact:LowImpact",
    "agreement": "suppression.suppressors.agreement:Agreement",
    "stack": "suppression.suppressors.stack:Stack",
}
