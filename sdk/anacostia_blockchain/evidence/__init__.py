"""Everything there is to show about a model, in one file that verifies without the chain.

    index.json          what is there, with digests; statements and headings an auditor looks for
    report.html         the same for people
    versions.jsonl      every version, as proven by state/
    aliases.jsonl       every alias and all its moves, likewise
    state/*.json        block header, accounts and storage proofs
    versions/*.car      of each version the documents that describe it, as its root commits to them
    runs.jsonl          inclusion proofs of runs
    heads/*.jsonl       the heads of their logs, each proven to extend the one before
    evaluations/*.json  what evaluators say in full, signed by them
    documents.jsonl     what those documents say
    sections/*.jsonl    what the chain's node tells and nothing proves: licences, attestations, …

`collect.write_evidence` makes it, `check.verify_evidence` verifies it. The same state gives the
same bytes.
"""
