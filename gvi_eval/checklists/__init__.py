"""Checklists of appraisal: what the results answer by themselves, and what two raters are asked."""
