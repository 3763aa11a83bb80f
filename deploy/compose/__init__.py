"""What the containers of docker-compose.yml run besides the commands: their secrets, and the question whether they are well."""
