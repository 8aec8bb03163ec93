"""Does a larger model gain more?"""
