"""What Streamlit needs: the player and the drawing pad, sidebar state, the compute gate. Only pages use it."""
