"""Alerts × context × verdicts → cases: what a person should look at, what is muted, and why.

reading       a line → what was seen: a signature on its ladder, a workload, an actor
rule_classes  what may excuse which rule, and what nothing excuses
gates         the named reasons for which nothing is muted, whatever speaks for it
excuses       independent kinds of evidence: history, authority, identity, window
belief        verdicts → how often a signature was harmless: a ladder of Beta distributions
weights       verdicts → how much each feature weighs: logistic regression with signs
memory        what is known of signatures, cases and actors
judging       one alert at a time, in order of time: gates, evidence, score, case
queue         open cases, most pressing first
incidents     which of them are one story, and why
confirming    what is asked of those on whose word something was muted
rolled        rollouts that stand beside an alert and excuse nothing
verdicts      who may say what, the chain of what was said, and its undoing
audits        muted alerts that are shown all the same, to count what muting hides
campaigns     synthetic attacks on what is known today
certificate   what those attacks prove: a bound, and cells that muting may not enter
autonomy      annotate, demote, mute, close: how far each family of rules may go
exceptions    suggested Falco exceptions
"""
