"""Networks: plain torch modules whose ``forward`` returns a dict of losses."""
