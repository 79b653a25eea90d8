"""What Nightsort's ingest is compared with: one module a contender, each run as a command of its own."""
