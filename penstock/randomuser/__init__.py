"""A stand-in of randomuser.me, version 1.4: the same questions and answers, without the internet."""
