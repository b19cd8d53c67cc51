"""A model of the internet: campaigns against modelled receivers on a virtual clock, by the scheduling code that sends. [pure]"""
