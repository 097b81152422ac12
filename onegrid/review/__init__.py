"""`onegrid review`: the local page on which reviewers settle doubtful matches."""
