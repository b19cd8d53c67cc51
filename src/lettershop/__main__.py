"""`python -m lettershop` is the program `lettershop`."""

from lettershop.cli import main

if __name__ == "__main__":
    main()
