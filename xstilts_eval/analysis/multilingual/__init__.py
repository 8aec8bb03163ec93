"""Does intermediate training in many languages help more than in English alone?"""
