"""Platform ``dezhu``: the outbound task list of the Dezhu cloud call center."""
