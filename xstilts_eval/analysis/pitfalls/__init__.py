"""Where does a model fall below what similar languages lead one to expect?"""
