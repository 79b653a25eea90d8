"""The whole of Nightsort as processes of one machine: databases, servers, workers, a store, and what kills them."""
