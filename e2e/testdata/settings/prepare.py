def setup():
    import further

    further.PREPARED = getattr(further, "PREPARED", 0) + 1
