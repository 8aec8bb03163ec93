"""Figures as lists of marks: panels make them, and they become SVG, PNG or PDF; the one way anything is drawn here."""
