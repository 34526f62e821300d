NAME = "further"
