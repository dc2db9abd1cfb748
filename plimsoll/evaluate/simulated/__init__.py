"""A cluster that never was, to measure triage on: its noise, its people, its attackers and its analysts.

    cluster     workloads, images, people; what each image does that rules tell of
    days        the alerts of a day, the work of its people, and what context says of it
    intrusions  attacks held back: families, what speaks for the attacker, how much he copies
    analyst     what a person says of a case, now and then wrongly

Everything follows from a seed. The modules here are frozen: `frozen.digest` is printed beside every figure, and
figures of another digest are figures of another world. Nothing here knows how triage judges.
"""
